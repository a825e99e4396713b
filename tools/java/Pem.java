// Prints a key of a key store and its chain as PEM: java Pem.java STORE PASSWORD ALIAS

import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;

public class Pem {
    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = args[1].toCharArray();
        try (FileInputStream file = new FileInputStream(args[0])) {
            store.load(file, password);
        }
        print("PRIVATE KEY", store.getKey(args[2], password).getEncoded());
        for (Certificate certificate : store.getCertificateChain(args[2])) {
            print("CERTIFICATE", certificate.getEncoded());
        }
    }

    private static void print(String what, byte[] bytes) {
        System.out.println("-----BEGIN " + what + "-----");
        System.out.println(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes));
        System.out.println("-----END " + what + "-----");
    }
}
